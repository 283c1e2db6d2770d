"""Scripts that measure and print. Nothing imports them, and no test asserts a speed."""
