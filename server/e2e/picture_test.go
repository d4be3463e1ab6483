package e2e

import (
	"context"
	"os"
	"strings"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"mwm/devicesim"
	"mwm/server"
)

// The picture of the README: the fleet of the demo, one truck chosen. It is drawn
// when MWM_PICTURE names a file, as make picture does.
func TestPicture(t *testing.T) {
	file := os.Getenv("MWM_PICTURE")
	if file == "" {
		t.Skip("MWM_PICTURE is not set")
	}
	s := serve(t, server.Config{}, server.Options{})
	simulate(t, s, devicesim.Config{Trucks: 20, Phones: 6})
	var id string
	eventually(t, "a truck has driven", func() bool {
		for letter := 'A'; letter < 'U'; letter++ {
			id = strings.Repeat(string(letter), 3)
			if d := s.device(id); d != nil && len(d.Trail) > 8 {
				return true
			}
		}
		return false
	})
	for _, text := range []string{"Where are you heading to?", "The delivery in Ordino can wait."} {
		s.run(t, mwm, "text", id, text).wait(0)
	}
	p := open(t, s.page())
	look(p, s.page(), [2]int64{1280, 800}, "light")
	turn(p, "#device="+id, find(tagged("text"))+" && mwm.counts.moving > 10")
	quality := int64(72)
	p.call("picture", func(ctx context.Context) error {
		shot, err := chromedp.Call(ctx, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{
			Format: cdppage.CaptureScreenshotFormatWebp, Quality: &quality,
		})
		if err != nil {
			return err
		}
		return os.WriteFile(file, shot.Data, 0o644)
	})
}
