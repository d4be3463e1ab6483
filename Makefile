# Thin: each target is one command that can also be typed.

.PHONY: build demo test unit picture fmt lint fuzz bench bench-page million e2e crash soak systemd dist clean

build: ## the program, static, as ./bin/mwm
	CGO_ENABLED=0 go build -trimpath -o bin/mwm ./cmd/mwm

demo: ## server and simulator in one process
	go run ./cmd/mwm demo

test: ## everything; installs what the tests need and says what
	./.ci/test

unit: ## the Go tests of the main module only
	go test -race ./...

e2e: ## browser and foreign clients only (see .ci/test for what they need), with pictures of every view in ./artifacts
	cd server/e2e && MWM_ARTIFACTS=$${MWM_ARTIFACTS:-$(CURDIR)/artifacts} go test -race -timeout 25m ./...

bench: build ## mwm, in turns with the brokers that are installed: ROUNDS (default 3), CASES and PEERS (default all), tables on standard output
	cd server/bench && go build -o ../../bin/bench .
	ulimit -n $$(ulimit -Hn); bin/bench -mode=compare -mwm=bin/mwm -out=bin/bench.jsonl -rounds=$${ROUNDS:-3} -cases="$$CASES" -peers="$$PEERS"

bench-page: ## the page in Chromium with 10,000 and 50,000 devices: ready, frames, heap, SEND to pixel (server/e2e/benchpage_test.go has the settings)
	cd server/e2e && MWM_BENCH_PAGE=$${MWM_BENCH_PAGE:-all} go test -count=1 -timeout=3h -v -run='^TestBenchPage$$' .

million: ## the console with a queue of a million messages: each click is answered within 200 ms (takes a gigabyte of memory)
	cd server/e2e && MWM_MILLION=1 go test -count=1 -timeout=30m -v -run='^TestConsoleOfAMillion$$' .

picture: ## the README's picture, drawn anew
	cd server/e2e && MWM_PICTURE=$(CURDIR)/deploy/docs/map.webp go test -count=1 -run='^TestPicture$$' .

fmt: ## format, and fail if that changed anything
	./.ci/fmt

lint: ## go vet and the pinned linters
	./.ci/lint

fuzz: ## every fuzz target for FUZZTIME (default 1m) each
	./.ci/fuzz

crash: ## kill the server, break the network, send garbage and use it up, for long (MWM_CRASH_KILLS times, MWM_GARBAGE and MWM_ABUSE seconds)
	MWM_CRASH_KILLS=$${MWM_CRASH_KILLS:-300} MWM_GARBAGE=$${MWM_GARBAGE:-600} MWM_ABUSE=$${MWM_ABUSE:-600} go test -count=1 -timeout=3h -v ./server/faults

soak: ## let the server work for MWM_SOAK (default 1h) with MWM_SOAK_DEVICES (default 2000) that come and go; MWM_SOAK_LOG names a file for the report
	MWM_SOAK=$${MWM_SOAK:-1h} MWM_SOAK_DEVICES=$${MWM_SOAK_DEVICES:-2000} go test -count=1 -timeout=0 -v -run='^TestSoak$$' ./server/faults

systemd: ## what DEPLOY.md says of systemd, in a systemd of its own, as root (half a minute; the machine stays as it is)
	.ci/systemd

dist: ## static programs for Linux on amd64, arm64 and armv7, what they consist of (SBOM), and checksums, in ./dist
	go run ./deploy/internal/release dist

clean:
	rm -rf artifacts bin dist
