# Thin on purpose: tools/bootstrap.sh does the work, and works without make.
.PHONY: install run test test-full lint bench

install run test test-full lint bench:
	@tools/bootstrap.sh $@ $(ARGS)
