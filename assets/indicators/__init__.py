"""Tables to judged numbers, one module a subject, and the programme view made of them."""
