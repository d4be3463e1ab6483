// Package web holds the dashboard and the page for phones: plain ES modules with its vendored libraries and map data, embedded
// as it is served. There is no build step and no logic here; VENDOR.md says where the libraries come from.
package web

import "embed"

// FS has index.html at its root. File names are the URL paths of the page.
//
//go:embed index.html icon.svg icons.svg phone.html signin.html phone.webmanifest phone.sw.js phone-icon-180.png phone-icon-512.png
//go:embed css js vendor map
var FS embed.FS
