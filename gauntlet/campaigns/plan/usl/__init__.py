"""The Universal Scalability Law, fitted to scaling data of users."""
