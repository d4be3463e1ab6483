package selector_test

import (
	"testing"

	"mwm/server/broker/selector"
)

// headers are the properties of a message.
type headers map[string]string

func (h headers) Property(name string) ([]byte, bool) {
	v, ok := h[name]
	return []byte(v), ok
}

func parse(t testing.TB, s string) *selector.Selector {
	t.Helper()
	sel, err := selector.Parse(s)
	if err != nil {
		t.Fatalf("Parse(%q): %v", s, err)
	}
	return sel
}

// message is what most tables select on. "missing" is not there.
var message = headers{
	"country": "FR", "phone": "123", "age": "17", "price": "12.50", "zero": "0", "neg": "-4",
	"name": "abc", "quote": "it's", "empty": "", "yes": "true", "Yes": "TRUE", "no": "false",
	"content-type": "text/plain", "JMSPriority": "4", "JMSType": "car", "AND": "x",
	"max": "9223372036854775807", "min": "-9223372036854775808", "big": "1e308", "octal": "010",
	"one": "1", "uno": "1.0", "text1": "a", "text2": "a", "$_ä9": "7", "été": "hot",
	"under": "a_c", "percent": "100%", "lines": "a\nb", "emoji": "a😀c", "spaces": " 7 ",
	"huge": "1e309", "long": "00000000000000000000000000000000007",
}

const y, n = true, false

// rules are the selector syntax of the JMS specification (§3.8.1.1), rule by rule,
// and whether each selector selects the message.
var rules = []struct {
	rule  string
	cases map[string]bool
}{
	{"an empty selector selects everything", map[string]bool{"": y, " \t\r\n\f": y, "convert_string_expressions:": y}},
	{"string literals are in single quotes, which are doubled inside", map[string]bool{
		"quote = 'it''s'": y, "quote = 'its'": n, "empty = ''": y, "country='FR'": y, "name <> '''' ": y,
	}},
	{"string literals are case-sensitive", map[string]bool{"country = 'fr'": n, "name = 'abc'": y}},
	{"exact numeric literals are Java's integers", map[string]bool{
		"age = 17": y, "age = +17": y, "neg = -4": y, "age = 17L": y, "age = 17l": y, "age = 0x11": y, "age = 0X11L": y,
		"age = 021": y, "age = 0b1_0001": y, "age = 1_7": y, "zero = 0": y, "zero = 00": y, "zero = -0": y,
		"max = 9223372036854775807": y, "min = -9223372036854775808": y, "max = 0x7fff_ffff_ffff_ffff": y,
		"min = - 9223372036854775808": y, "max < 9223372036854775807": n, "max > 9223372036854775806": y,
	}},
	{"approximate numeric literals are Java's doubles", map[string]bool{
		"price = 12.5": y, "price = 1.25E1": y, "price = 1.25e+1": y, "price = 125e-1": y, "price = 12.5d": y, "price = 12.5F": y,
		"age = 17.": y, "age = 17d": y, "price > .5": y, "price = 012.5": y, "price = 0x19p-1": y, "price = 1_2.5": y,
		"7E3 = 7000": y, "-57.9E2 = -5790": y, "+6.2 = 6.2": y, "09.5 < age": y,
	}},
	{"boolean literals", map[string]bool{"TRUE": y, "FALSE": n, "tRuE": y, "yes = TRUE": y, "no = TRUE": n, "no = false": y, "Yes = true": y}},
	{"identifiers are Java's, and case-sensitive", map[string]bool{
		"$_ä9 = 7": y, "été = 'hot'": y, "Age = 17": n, "Age IS NULL": y, "JMSPriority = 4": y, "JMSType = 'car'": y, "Yes": y,
	}},
	{"identifiers may be in double quotes (extension)", map[string]bool{
		`"content-type" = 'text/plain'`: y, `"AND" = 'x'`: y, `"age" = 17`: y, `"a""b" IS NULL`: y, `"content-type" LIKE 'text/%'`: y,
		`"content-type" IN ('text/plain')`: y, `"x y" IS NOT NULL`: n,
	}},
	{"ActiveMQ's prefix is accepted (extension)", map[string]bool{"convert_string_expressions:age > 16": y, "convert_string_expressions: age > 17": n}},
	{"white space is Java's; keywords are case-insensitive", map[string]bool{
		"age\t>\n16\r\nand\fname='abc'": y, "age between 16 And 18": y, "name lIKe 'a%'": y, "missing is null": y, "name in('abc')": y, "not no": y,
	}},
	{"logical operators in precedence order: NOT, AND, OR", map[string]bool{
		"TRUE OR TRUE AND FALSE": y, "(TRUE OR TRUE) AND FALSE": n, "NOT FALSE AND FALSE": n, "NOT (FALSE AND FALSE)": y,
		"NOT TRUE OR TRUE": y, "NOT (TRUE OR TRUE)": n, "NOT NOT TRUE": y, "NOT age = 5": y, "NOT age > 5 AND FALSE": n,
	}},
	{"comparison operators", map[string]bool{
		"age = 17": y, "age > 17": n, "age >= 17": y, "age < 17": n, "age <= 17": y, "age <> 17": n,
		"age = 16": n, "age > 16": y, "age >= 16": y, "age < 16": n, "age <= 16": n, "age <> 16": y,
		"17 = age": y, "16 < age": y, "16 >= age": n,
	}},
	{"exact and approximate values compare by numeric promotion", map[string]bool{
		"17.0 = age": y, "price > 12": y, "price < 13": y, "9007199254740993 = 9007199254740992.0": y, "max = 9223372036854775808.0": y,
	}},
	{"a comparison of unlike types is false, <> too", map[string]bool{
		"name = 5": n, "name <> 5": n, "name > 5": n, "NOT name = 5": y, "NOT name <> 5": y, "'a' = 5": n, "'a' <> 5": n,
		"TRUE = 1": n, "TRUE <> 1": n, "age = TRUE": n, "age <> TRUE": n, "'true' = TRUE": n, "empty = 0": n, "empty <> 0": n,
		"name BETWEEN 1 AND 5": n, "name NOT BETWEEN 1 AND 5": n, "NOT name BETWEEN 1 AND 5": y, "name = FALSE": n,
	}},
	{"strings are equal if their characters are", map[string]bool{
		"name = 'abc'": y, "name <> 'abc'": n, "name <> 'abcd'": y, "age = '17'": y, "age = '17.0'": n, "age = '017'": n, "'a' = 'a'": y, "'a' <> 'a'": n,
		"yes = 'true'": y, "Yes = 'true'": n, "spaces = ' 7 '": y,
	}},
	{"booleans are equal or not", map[string]bool{
		"yes = yes": y, "yes = (age = 17)": y, "(age = 17) = (name = 'abc')": y, "(age = 16) <> TRUE": y, "yes = Yes": n, "TRUE <> FALSE": y,
		"(missing = 1) = TRUE": n, "NOT ((missing = 1) = TRUE)": n,
	}},
	{"two headers compare as numbers if both are", map[string]bool{
		"one = uno": y, "one <> uno": n, "one <= uno": y, "age > price": y, "text1 = text2": y, "text1 <> name": y, "text1 < name": n, "text1 <= text2": n,
		"age = name": n, "age <> name": y, "age < name": n,
	}},
	{"arithmetic operators in precedence order: sign, * and /, + and -", map[string]bool{
		"age + 1 = 18": y, "age - 7 = 10": y, "age * 2 = 34": y, "2 + 3 * 4 = 14": y, "(2 + 3) * 4 = 20": y, "- age = -17": y, "+age = 17": y,
		"10 - 4 - 3 = 3": y, "10 - (4 - 3) = 9": y, "100 / 10 / 5 = 2": y, "100 / (10 / 5) = 50": y, "-neg = 4": y, "- -age = 17": y, "--17 = 17": y,
		"price * 2 = 25": y, "age -1 = 16": y, "age-1=16": y, "2 * -3 = -6": y, "-(2 + 3) = -5": y, "-(-5) = 5": y, "+age = name": n,
	}},
	{"integers divide as integers, doubles as doubles", map[string]bool{
		"7 / 2 = 3": y, "-7 / 2 = -3": y, "7.0 / 2 = 3.5": y, "7 / 2. = 3.5": y, "age / 2 = 8": y,
	}},
	{"what overflows 64 bits is a double, what overflows that is NULL", map[string]bool{
		"max + 1 = 9223372036854775808.0": y, "max + 1 > max": n, "max + 1 >= max": y, "max * 2 > max": y, "min - 1 < 0": y, "-min > 0": y, "min / -1 > 0": y,
		"min * -1 > 0": y, "-(-9223372036854775808) > 0": y, "max * max > 8E37": y, "max - min > max": y, "min + min < min": y,
		"big * 10 > 0": n, "big * 10 <= 0": n, "NOT big * 10 > 0": n, "big + big > 1": n, "big = 1E308": y,
	}},
	{"a division by zero is NULL", map[string]bool{
		"1 / zero > 0": n, "NOT 1 / zero > 0": n, "1.0 / zero > 0": n, "NOT (0.0 / zero = 0)": n, "NOT (1 / 0.0 <> 0)": n, "1 / zero > 0 OR TRUE": y,
	}},
	{"arithmetic with what is no number is NULL", map[string]bool{
		"name + 1 > 0": n, "NOT name + 1 > 0": n, "-name = 0": n, "NOT -name = 0": n, "1 * missing = 0": n, "NOT missing + 1 = 1": n, "1 + 2 * name = 3": n,
	}},
	{"a header that reads as a decimal number is one", map[string]bool{
		"octal = 10": y, "octal = 8": n, "price = 12.5": y, "spaces = 7": n, "spaces <> 7": n, "huge > 0": n, "NOT huge > 0": y, "long = 7": n,
	}},
	{"BETWEEN includes its bounds", map[string]bool{
		"age BETWEEN 15 AND 19": y, "age BETWEEN 17 AND 17": y, "age BETWEEN 18 AND 19": n, "age BETWEEN 15 AND 16": n, "age BETWEEN 19 AND 15": n,
		"age NOT BETWEEN 15 AND 19": n, "age NOT BETWEEN 18 AND 19": y, "age NOT BETWEEN 17 AND 17": n, "age NOT BETWEEN 15 AND 16": y,
		"age BETWEEN 10 + 5 AND 2 * 9 AND name = 'abc'": y, "age + 1 BETWEEN 18 AND age + 1": y, "16 BETWEEN neg AND age": y, "age BETWEEN name AND 20": n,
		"age BETWEEN 16.5 AND 17.5": y,
	}},
	{"BETWEEN with NULL is unknown, unless the other bound decides", map[string]bool{
		"missing BETWEEN 1 AND 2": n, "NOT missing BETWEEN 1 AND 2": n, "missing NOT BETWEEN 1 AND 2": n, "age BETWEEN missing AND 20": n, "NOT age BETWEEN missing AND 20": n,
		"NOT age BETWEEN missing AND 16": y, "age NOT BETWEEN missing AND 16": y,
	}},
	{"IN", map[string]bool{
		"country IN ('FR', 'DE', 'IT')": y, "country IN ('UK', 'US')": n, "country NOT IN ('UK', 'US')": y, "country NOT IN ('FR')": n, "country IN('FR')": y,
		"country IN ('F''R')": n, "age IN ('17')": y, "age IN ('17.0')": n, "country in ('UK','UK','FR')": y, "empty IN ('')": y,
	}},
	{"IN of NULL is unknown", map[string]bool{"missing IN ('a')": n, "NOT missing IN ('a')": n, "missing NOT IN ('a')": n, "NOT (missing NOT IN ('a'))": n}},
	{"LIKE", map[string]bool{
		"phone LIKE '12%3'": y, "phone LIKE '1_3'": y, "phone LIKE '1__3'": n, "phone LIKE '%'": y, "phone LIKE ''": n, "empty LIKE ''": y, "empty LIKE '%'": y,
		"empty LIKE '_'": n, "phone LIKE '___'": y, "phone LIKE '____'": n, "phone LIKE '123'": y, "phone LIKE '12'": n, "phone LIKE '23'": n, "phone LIKE '%3'": y,
		"phone LIKE '%2%'": y, "phone LIKE '%4%'": n, "phone LIKE '%_'": y, "phone LIKE '_%_%_'": y, "phone LIKE '_%_%_%_'": n, "phone NOT LIKE '12%3'": n,
		"phone NOT LIKE '12%4'": y, "phone LIKE '12%23'": n, "phone LIKE '%%%'": y, "name LIKE 'A%'": n, "lines LIKE 'a_b'": y, "lines LIKE '%'": y,
	}},
	{"LIKE counts characters, not bytes", map[string]bool{
		"emoji LIKE 'a_c'": y, "emoji LIKE '___'": y, "emoji LIKE '____'": n, "emoji LIKE '%_c'": y, "emoji LIKE '_😀%'": y, "emoji LIKE 'a%_c'": y, "emoji LIKE 'a__%c'": n,
	}},
	{"LIKE with ESCAPE", map[string]bool{
		`under LIKE 'a\_c' ESCAPE '\'`: y, `name LIKE 'a\_c' ESCAPE '\'`: n, `percent LIKE '100!%' ESCAPE '!'`: y, `percent LIKE '1%!%' ESCAPE '!'`: y,
		`phone LIKE '12!%' ESCAPE '!'`: n, `name LIKE 'é_' ESCAPE 'é'`: n, `under LIKE 'aé_c' ESCAPE 'é'`: y, `quote LIKE 'it''''s' ESCAPE ''''`: y,
		`name LIKE 'a_c' ESCAPE '\'`: y, `under NOT LIKE 'a\_c' ESCAPE '\'`: n, `percent LIKE '100%%' ESCAPE '%'`: y,
	}},
	{"LIKE of NULL is unknown", map[string]bool{"missing LIKE '%'": n, "NOT missing LIKE '%'": n, "missing NOT LIKE 'a'": n}},
	{"IS NULL", map[string]bool{
		"missing IS NULL": y, "name IS NULL": n, "empty IS NULL": n, "missing IS NOT NULL": n, "name IS NOT NULL": y, "NOT missing IS NULL": n, "(name) IS NOT NULL": y,
	}},
	{"a comparison with NULL is unknown", map[string]bool{
		"missing = 1": n, "missing <> 1": n, "NOT missing = 1": n, "NOT missing <> 'a'": n, "missing = missing": n, "NOT missing = missing": n, "missing = 1 OR TRUE": y,
		"missing <> TRUE": n, "NOT missing = TRUE": n,
	}},
	{"a header alone is compared with TRUE", map[string]bool{"yes": y, "Yes": y, "no": n, "NOT no": y, "missing": n, "NOT missing": n, "name": n, "NOT name": y, "yes AND Yes": y}},
}

func TestRules(t *testing.T) {
	for _, g := range rules {
		t.Run(g.rule, func(t *testing.T) {
			for s, want := range g.cases {
				if got := parse(t, s).Match(message); got != want {
					t.Errorf("%q matches: %v, want %v", s, got, want)
				}
			}
		})
	}
}

// TestThreeValuedLogic goes through the truth tables of the specification. Whether
// a condition is unknown shows in that neither it nor its negation selects.
func TestThreeValuedLogic(t *testing.T) {
	const F, U, T = 0, 1, 2
	forms := [3][]string{
		F: {"FALSE", "no", "age = 5", "name IS NULL", "(FALSE)"},
		U: {"missing", "missing = 5", "1 / 0 = 1", "missing LIKE 'a'", "missing IN ('a')"},
		T: {"TRUE", "yes", "age = 17", "missing IS NULL", "(TRUE)"},
	}
	check := func(s string, want int) {
		t.Helper()
		if got := parse(t, s).Match(message); got != (want == T) {
			t.Errorf("%s selects: %v", s, got)
		}
		if got := parse(t, "NOT ("+s+")").Match(message); got != (want == F) {
			t.Errorf("NOT (%s) selects: %v", s, got)
		}
	}
	and := [3][3]int{F: {F, F, F}, U: {F, U, U}, T: {F, U, T}}
	or := [3][3]int{F: {F, U, T}, U: {U, U, T}, T: {T, T, T}}
	not := [3]int{F: T, U: U, T: F}
	for a := range 3 {
		for _, x := range forms[a] {
			check(x, a)
			check("NOT "+x, not[a])
			for b := range 3 {
				for _, y := range forms[b] {
					check(x+" AND "+y, and[a][b])
					check(x+" OR "+y, or[a][b])
				}
				for c := range 3 {
					y, z := forms[b][0], forms[c][0]
					check(x+" AND "+y+" AND "+z, and[and[a][b]][c])
					check(x+" OR "+y+" OR "+z, or[or[a][b]][c])
					check(x+" OR "+y+" AND "+z, or[a][and[b][c]])
					check(x+" AND "+y+" OR "+z, or[and[a][b]][c])
				}
			}
		}
	}
}

func TestString(t *testing.T) {
	for s, want := range map[string]string{
		"":                                    "",
		"a":                                   "a",
		"((a))":                               "a",
		"a=1 and b<>'it''s'":                  "a = 1 AND b <> 'it''s'",
		"(a OR b) AND (c AND d)":              "(a OR b) AND (c AND d)",
		"a OR (b AND c)":                      "a OR b AND c",
		"not (not (a = 0x1F))":                "NOT NOT a = 31",
		"NOT (a OR b)":                        "NOT (a OR b)",
		"a - (b - c) - (d * e) = 0":           "a - (b - c) - d * e = 0",
		"(a + b) * c / -(d) > - - e":          "(a + b) * c / -d > - -e",
		"-(a + 1) = -(5) + -(-5)":             "-(a + 1) = -5 + 5",
		"a = 1d or a = 1e30":                  "a = 1.0 OR a = 1e+30",
		"a = -0.0":                            "a = -0.0",
		"a not between (1) and 2+3":           "a NOT BETWEEN 1 AND 2 + 3",
		"a not in('x','x')":                   "a NOT IN ('x', 'x')",
		`"a" like '%!_''' escape '!'`:         `a LIKE '%!_''' ESCAPE '!'`,
		`"and" is not null and "x""y" = TRUE`: `"and" IS NOT NULL AND "x""y" = TRUE`,
		"(a = 1) = (NOT b)":                   "(a = 1) = (NOT b)",
		"true = a":                            "TRUE = a",
		"convert_string_expressions:a > 1":    "a > 1",
	} {
		if got := parse(t, s).String(); got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
		if again := parse(t, want).String(); again != want {
			t.Errorf("%q is %q when parsed again", want, again)
		}
	}
}
