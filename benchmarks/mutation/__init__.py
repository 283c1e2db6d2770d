"""Mutation testing of the judge: small changes of its code that some test must notice."""
