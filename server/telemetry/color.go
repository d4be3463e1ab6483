package telemetry

// Color is a colour that an alert may name, with the value that iOS gives it.
type Color struct {
	Name string
	RGB  uint32 // 0xRRGGBB
}

var colors = [...]Color{
	{"black", 0x000000}, {"darkGray", 0x555555}, {"lightGray", 0xAAAAAA}, {"white", 0xFFFFFF},
	{"gray", 0x808080}, {"red", 0xFF0000}, {"green", 0x00FF00}, {"blue", 0x0000FF},
	{"cyan", 0x00FFFF}, {"yellow", 0xFFFF00}, {"magenta", 0xFF00FF}, {"orange", 0xFF8000},
	{"purple", 0x800080}, {"brown", 0x996633},
}

// Red is what every unknown name means.
var Red = colors[5]

// Colors returns the colours in the order in which the book lists them.
func Colors() []Color { return append([]Color(nil), colors[:]...) }

// ColorNamed returns the colour that an alert's payload names, case-sensitively;
// known is false for any other name, which means red.
func ColorNamed(name string) (c Color, known bool) {
	for _, c := range colors {
		if c.Name == name {
			return c, true
		}
	}
	return Red, false
}
