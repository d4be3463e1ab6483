// Package e2e tests the whole system from outside: the page in a real browser,
// foreign clients in JavaScript, Python and C, and the program's own commands as
// processes. It is a module of its own, so that what only these tests need stays
// out of the product's go.mod.
//
// The tests need chromium, mosquitto-clients, netcat-openbsd, curl, python3-stomp
// and the packages of package.json (npm ci); .ci/test installs them.
//
// With MWM_ARTIFACTS=DIR a test that fails leaves a picture of its page there,
// and TestScreenshots takes those of every view in every size, colour scheme and
// language.
package e2e
