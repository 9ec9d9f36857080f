# Choroy: `make` builds and runs the demo, `make test` builds and tests. Both install what is missing.
SWIFT ?= swift
CHOROY = .build/release/choroy

.PHONY: all demo build deps test test-all bench format clean

all: demo

demo: build
	$(CHOROY) demo

build: deps
	$(SWIFT) build -c release

test: deps
	$(SWIFT) test -c release

test-all: deps
	CHOROY_TEST_ALL=1 $(SWIFT) test -c release

bench: build
	$(CHOROY) bench train

format:
	$(SWIFT) format --in-place --recursive --parallel Sources Tests Package.swift

deps:
	@sh Tests/Support/install-libraries.sh

clean:
	rm -rf .build
