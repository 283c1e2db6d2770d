# Thin on purpose: tools/bootstrap.sh does the work, and works without make.
.PHONY: install run test test-ci test-full lint format check portability docs docs-site bench bench-server bench-load

install run test test-ci test-full lint format check portability docs docs-site bench bench-server bench-load:
	@tools/bootstrap.sh $@ $(ARGS)
