"""CloudFront Functions: what they are shown, what they may answer, what their runtime lacks.

model         a function, and what became of one run of it
event         a request or response → the event of version 1.0
sections      headers, cookies and query of an event, in three forms
frames        what events of the same names have in common, as code of the engine
results       what a function returned → what CloudFront goes on with, or the rules that it breaks;
              edited_results where it only edited what it was shown, changed_parts for both
origin_change what the helpers of the module `cloudfront` do to the origin; origin_fields has what
              each field must be
rules         every rule as one table; limits has the numbers
tokens        JavaScript in words, without a grammar; value_places tells what a slash is
static_check  what of the code the real runtime lacks; syntax_rules is the table by version
hook_kinds    whether code is one, or a Lambda@Edge function
expressions   where operands and expressions begin and end among the words
metering      the code with a meter in every function and loop
long_texts    what else goes into the code, for what the meter does not see
catching      what of that goes where code catches what is thrown
key_values    what a key value store offers, and one in memory

Source: CloudFront Developer Guide, "Customize at the edge with CloudFront Functions".
"""
