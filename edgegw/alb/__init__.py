"""Decisions of an Application Load Balancer.

Words: a *listener* has *listener rules* in order of *priority*; a rule's *conditions* must all
hold, its *action* forwards to *target groups* (a Lambda function, or *targets* by address) or
answers itself. `flow.py` tells one request as steps, `target_steps.py` one that is forwarded;
`event.py` alone knows the JSON that a Lambda target sees and returns. Nothing here does I/O.
"""
