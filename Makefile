# Every target calls tools/bootstrap.sh, which can also be used without make.
.PHONY: install run compile clean-compiled test test-compiled test-ci test-full lint format check portability docs docs-site bench bench-server bench-load bench-judge bench-proxy

install run compile clean-compiled test test-compiled test-ci test-full lint format check portability docs docs-site bench bench-server bench-load bench-judge bench-proxy:
	@tools/bootstrap.sh $@ $(ARGS)
