package netx

import "testing"

// FuzzRate holds that a rate that is taken survives being written.
func FuzzRate(f *testing.F) {
	for _, text := range []string{"", "200", "200,1MiB", ",64KiB", "1 KiB , 2 GiB", "-1", "9999999999999", "1,2,3"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r, again Rate
		if r.UnmarshalText([]byte(text)) != nil {
			if r != (Rate{}) {
				t.Errorf("%q is refused, but leaves %+v", text, r)
			}
			return
		}
		if r.Messages < 0 || r.Bytes < 0 {
			t.Errorf("%q is %+v", text, r)
		}
		if err := again.UnmarshalText([]byte(r.String())); err != nil || again != r {
			t.Errorf("%q is %+v; %q is %+v, %v", text, r, r.String(), again, err)
		}
	})
}
