"""What CloudWatch decides: statistics of metrics, and what its API answers about them."""
