package telemetry

import "time"

// TSForm says how much of a time a report's ts gave.
type TSForm byte

// The forms of a ts. With the first two the time of arrival stands in.
const (
	TSMissing    TSForm = iota // there was none
	TSUnreadable               // there was one, but not a time in ISO 8601 with a zone
	TSMinutes                  // "2013-09-23T08:43Z": to the minute
	TSSeconds                  // "2013-09-23T08:43:12Z" or finer
)

// ParseTS reads a time in ISO 8601's extended format: date and time with a zone,
// seconds and their fraction optional. A month or day of one digit is accepted
// because the book's own device writes "2014-04-1T17:30:39+02:00".
func ParseTS(b []byte) (time.Time, TSForm) {
	p := tsParser{rest: b}
	year := p.number(4, 4)
	p.one("-")
	month := p.number(1, 2)
	p.one("-")
	day := p.number(1, 2)
	p.one("Tt ")
	hour := p.number(2, 2)
	p.one(":")
	minute := p.number(2, 2)
	form, second, nanos := TSMinutes, 0, 0
	if p.optional(":") {
		form, second = TSSeconds, p.number(2, 2)
		if p.optional(".,") {
			nanos = p.fraction()
		}
	}
	offset := p.zone()
	if p.bad || len(p.rest) > 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour > 23 || minute > 59 || second > 60 { // 60: a leap second
		return time.Time{}, TSUnreadable
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	return t.Add(-time.Duration(offset) * time.Minute), form
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// tsParser eats a time from the left; after the first fault it is bad and
// what it returns means nothing.
type tsParser struct {
	rest []byte
	bad  bool
}

// optional eats one character of set if the next is one.
func (p *tsParser) optional(set string) bool {
	if len(p.rest) == 0 {
		return false
	}
	for i := 0; i < len(set); i++ {
		if p.rest[0] == set[i] {
			p.rest = p.rest[1:]
			return true
		}
	}
	return false
}

func (p *tsParser) one(set string) {
	if !p.optional(set) {
		p.bad = true
	}
}

// number eats between least and most digits.
func (p *tsParser) number(least, most int) int {
	n, i := 0, 0
	for ; i < most && i < len(p.rest) && '0' <= p.rest[i] && p.rest[i] <= '9'; i++ {
		n = n*10 + int(p.rest[i]-'0')
	}
	if i < least {
		p.bad = true
	}
	p.rest = p.rest[i:]
	return n
}

// fraction eats the digits of a fraction of a second, and returns nanoseconds.
func (p *tsParser) fraction() int {
	n, unit, i := 0, 100_000_000, 0
	for ; i < len(p.rest) && '0' <= p.rest[i] && p.rest[i] <= '9'; i++ {
		n += int(p.rest[i]-'0') * unit
		unit /= 10
	}
	if i == 0 {
		p.bad = true
	}
	p.rest = p.rest[i:]
	return n
}

// zone eats Z or an offset, and returns the latter in minutes.
func (p *tsParser) zone() int {
	if p.optional("Zz") {
		return 0
	}
	negative := p.optional("-")
	if !negative {
		p.one("+")
	}
	offset := p.number(2, 2) * 60
	if len(p.rest) > 0 {
		p.optional(":")
		minutes := p.number(2, 2)
		p.bad = p.bad || minutes > 59
		offset += minutes
	}
	p.bad = p.bad || offset > 23*60+59
	if negative {
		return -offset
	}
	return offset
}

// AppendTS appends t in UTC as ParseTS reads it, with milliseconds when it has
// any.
func AppendTS(dst []byte, t time.Time) []byte {
	t = t.UTC().Truncate(time.Millisecond)
	if t.Nanosecond() == 0 {
		return t.AppendFormat(dst, "2006-01-02T15:04:05Z")
	}
	return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}
