"""Plan: how many nodes a demand needs, from measured unit costs, and what that rests on."""
