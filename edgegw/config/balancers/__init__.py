"""Load balancers and target groups: keys, what must hold for them, what they become."""
