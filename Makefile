# Every target calls tools/bootstrap.sh, which can also be used without make.
.PHONY: install run test test-ci test-full lint format check portability docs docs-site bench bench-server bench-load bench-judge

install run test test-ci test-full lint format check portability docs docs-site bench bench-server bench-load bench-judge:
	@tools/bootstrap.sh $@ $(ARGS)
