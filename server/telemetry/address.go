package telemetry

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxIDLength is the greatest number of characters in a device's ID.
const MaxIDLength = 128

// Names and filters as the broker knows them: dotted, without /topic/ or
// /queue/. An MQTT topic is the same name with '/' for '.', whose first level
// may be empty: hence the leading dot of the motions' names.
const (
	LocationFilter = "device.*.location"
	TextFilter     = "device.*.text"
	MotionFilter   = ".mwm.*.motion"
	AlertFilter    = ".mwm.*.alert"
	LastWill       = ".mwm.lastWill"
	LastWillWeb    = ".mwm.lastWill.web"
)

// The same as clients of the two protocols write them.
const (
	LocationFilterSTOMP = "/topic/device.*.location"
	MotionFilterMQTT    = "/mwm/+/motion"
	AlertFilterMQTT     = "/mwm/+/alert"
	LastWillMQTT        = "/mwm/lastWill"
	LastWillWebMQTT     = "/mwm/lastWill/web"
)

const (
	devicePrefix   = "device."
	motionsPrefix  = ".mwm."
	locationSuffix = ".location"
	textSuffix     = ".text"
	motionSuffix   = ".motion"
	alertSuffix    = ".alert"
)

// CheckID reports why id cannot be a device's: it has 1 to 128 characters of
// valid UTF-8, none of them a control character nor one that means something in
// an address of either protocol. Markup is legal.
func CheckID(id string) error {
	if id == "" {
		return refuse(BadID, "a device's ID has at least one character")
	}
	if len(id) > MaxIDLength*utf8.UTFMax || utf8.RuneCountInString(id) > MaxIDLength {
		return refuse(BadID, "a device's ID has at most %d characters", MaxIDLength)
	}
	for i, r := range id {
		switch {
		case r == utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(id[i:]); size == 1 {
				return refuse(BadID, "a device's ID is UTF-8")
			}
		case r == '.' || r == '/' || r == '*' || r == '>' || r == '+' || r == '#':
			return refuse(BadID, "a device's ID has none of . / * > + #")
		case unicode.IsControl(r):
			return refuse(BadID, "a device's ID has no control characters")
		}
	}
	return nil
}

// LocationName, TextName, MotionName and AlertName return the broker's name of
// a device's addresses.
func LocationName(id string) string { return devicePrefix + id + locationSuffix }

// TextName returns the name of the queue with a device's texts.
func TextName(id string) string { return devicePrefix + id + textSuffix }

// MotionName returns the name of the topic with a device's motions.
func MotionName(id string) string { return motionsPrefix + id + motionSuffix }

// AlertName returns the name of the topic with a device's alerts.
func AlertName(id string) string { return motionsPrefix + id + alertSuffix }

// LocationDestination returns where a truck sends its locations with STOMP.
func LocationDestination(id string) string { return "/topic/" + LocationName(id) }

// TextDestination returns the STOMP queue with a truck's texts.
func TextDestination(id string) string { return "/queue/" + TextName(id) }

// MotionTopic returns where a phone publishes its motions with MQTT.
func MotionTopic(id string) string { return "/mwm/" + id + "/motion" }

// AlertTopic returns the MQTT topic with a phone's alerts.
func AlertTopic(id string) string { return "/mwm/" + id + "/alert" }

// LocationID returns the device in the name of a location topic. The ID shares
// the name's memory and is not checked beyond being one level: see CheckID.
func LocationID(name string) (id string, ok bool) { return between(name, devicePrefix, locationSuffix) }

// TextID returns the device in the name of a queue of texts, as LocationID does.
func TextID(name string) (id string, ok bool) { return between(name, devicePrefix, textSuffix) }

// MotionID returns the device in the name of a motion topic, as LocationID does.
func MotionID(name string) (id string, ok bool) { return between(name, motionsPrefix, motionSuffix) }

// AlertID returns the device in the name of an alert topic, as LocationID does.
func AlertID(name string) (id string, ok bool) { return between(name, motionsPrefix, alertSuffix) }

// DeviceOf returns the device that any of these names belongs to; "" if none does.
func DeviceOf(name string) string {
	for _, idOf := range []func(string) (string, bool){LocationID, TextID, MotionID, AlertID} {
		if id, ok := idOf(name); ok {
			return id
		}
	}
	return ""
}

func between(name, prefix, suffix string) (string, bool) {
	if len(name) <= len(prefix)+len(suffix) || !strings.HasPrefix(name, prefix) || !strings.HasSuffix(name, suffix) {
		return "", false
	}
	id := name[len(prefix) : len(name)-len(suffix)]
	return id, strings.IndexByte(id, '.') < 0
}
