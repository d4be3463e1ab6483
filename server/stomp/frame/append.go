package frame

import "strconv"

const (
	receiptStart = "RECEIPT\nreceipt-id:"
	receiptEnd   = "\n\n\x00"
)

// AppendReceipt appends a RECEIPT for the value of a receipt header as the
// client wrote it: escaped or not, it comes back as it was.
func AppendReceipt(dst, receipt []byte) []byte {
	dst = append(dst, receiptStart...)
	dst = append(dst, receipt...)
	return append(dst, receiptEnd...)
}

// ReceiptID returns a copy of what a frame of AppendReceipt was made for.
func ReceiptID(p []byte) []byte {
	return append([]byte{}, p[len(receiptStart):len(p)-len(receiptEnd)]...)
}

// AppendError appends an ERROR; receipt is the header of the frame that it
// answers, as the client wrote it, nil if it had none.
func (d *Dialect) AppendError(dst []byte, message string, receipt []byte, body string) []byte {
	dst = append(dst, "ERROR\n"...)
	dst = d.AppendHeader(dst, "message", message)
	if receipt != nil {
		dst = append(dst, "receipt-id:"...)
		dst = append(append(dst, receipt...), '\n')
	}
	dst = append(dst, "version:"+Versions+"\ncontent-type:text/plain;charset=utf-8\ncontent-length:"...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	dst = append(dst, '\n', '\n')
	dst = append(dst, body...)
	return append(dst, 0)
}

// Header is the name and value of one.
type Header struct{ Name, Value string }

// Append appends a frame of any kind; Dialect gives the escapes, if the command
// has any. A body gets its content-length.
func (d *Dialect) Append(dst []byte, c Command, headers []Header, body []byte) []byte {
	if !c.escapes() {
		d = V10
	}
	dst = append(append(dst, c.String()...), '\n')
	for _, h := range headers {
		dst = d.AppendHeader(dst, h.Name, h.Value)
	}
	if len(body) > 0 {
		dst = append(dst, "content-length:"...)
		dst = append(strconv.AppendInt(dst, int64(len(body)), 10), '\n')
	}
	dst = append(dst, '\n')
	dst = append(dst, body...)
	return append(dst, 0)
}
