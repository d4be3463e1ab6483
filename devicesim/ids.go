package devicesim

import (
	"strconv"
	"strings"
)

const letters = 26

// TruckID returns the ID of the truck with number i, from 0: AAA, BBB, … ZZZ as in the book, then, in alphabetical order, the words of four
// letters (AAAA, AAAB, … ZZZZ), of five, and so on. No two numbers have the same ID, and no truck has a phone's.
func TruckID(i int) string {
	if i < letters {
		return strings.Repeat(string(rune('A'+i)), 3)
	}
	i -= letters
	length, words := 4, letters*letters*letters*letters
	for i >= words {
		i -= words
		length++
		words *= letters
	}
	word := make([]byte, length)
	for at := length - 1; at >= 0; at-- {
		word[at] = byte('A' + i%letters)
		i /= letters
	}
	return string(word)
}

// PhoneID returns the ID of the phone with number i, from 0: three letters in a row, from the end of the alphabet (XYZ, WXY, … ABC, ZAB,
// YZA), then the same with a number (XYZ-2, …). The book's phones have UUIDs; these can be typed: mwm alert XYZ yellow.
func PhoneID(i int) string {
	first := (letters + 'X' - 'A' - i%letters) % letters
	id := make([]byte, 3, 8)
	for n := range id {
		id[n] = byte('A' + (first+n)%letters)
	}
	if round := i / letters; round > 0 {
		id = strconv.AppendInt(append(id, '-'), int64(round)+1, 10)
	}
	return string(id)
}
