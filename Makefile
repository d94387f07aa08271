.PHONY: demo demo-lifecycle test test-long check bench bench-full

demo:            ; @scripts/demo
demo-lifecycle:  ; @scripts/shop
test:            ; @scripts/test
test-long:       ; @scripts/test long
check:           ; @scripts/check
bench:           ; @scripts/bench
bench-full:      ; @scripts/bench full
