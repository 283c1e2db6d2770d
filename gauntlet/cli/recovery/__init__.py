"""`gauntlet recover`: heals and removes what killed runs left behind."""
