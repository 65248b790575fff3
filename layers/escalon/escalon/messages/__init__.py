"""Words and their rendering: pure, without AWS and without a clock.

`context` says what a message knows, `render` turns templates into e-mails and SMS, `mime` into the
bytes that are sent, `sms` counts segments, `words` refuses what the law and good manners forbid.
Nothing is imported here: only `render` pays for Jinja2, and only rendering pays for Babel.
"""
