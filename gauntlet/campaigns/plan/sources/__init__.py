"""What a plan rests on: records of capacity, and prices."""
