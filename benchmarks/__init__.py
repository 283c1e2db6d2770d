"""Scripts that measure and print. They are not installed, and no test asserts a speed."""
