"""What invokes functions beside requests: queues, streams, schedules, rules and buckets."""
