# Thin on purpose: what happens is in tools/.

.PHONY: all demo check header box bench clean

all:
	cargo build --release

# A payment from QR code to PAID, without an account or a network.
demo:
	cargo run --release -- demo

# Installs what the tests need, then runs all of them. CI runs this and nothing else.
check:
	tools/check

# Writes include/alitv_pay.h out of src/ffi.
header:
	tools/header

# The libraries and the daemon as they ship to a box: small, without tools and sandbox.
box:
	cargo build --profile box --no-default-features --features client,engine

# Prints ratios against a baseline of the same run.
bench:
	tools/bench

clean:
	cargo clean
	$(MAKE) -C c-examples clean
