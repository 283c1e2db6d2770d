"""What users do besides sending: attend rooms, leave and return, act as strangers."""
