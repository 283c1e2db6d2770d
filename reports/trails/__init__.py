"""What the processes of the reference server remember of messages: `server/*.jsonl`."""
