"""Cause, not only correlation: what is lost when the weights that a domain calls its own are gone.

`spec` says what to remove and how to look; `regions` and `draws` choose the weights, `removals` puts
them together; `measurements` removes them from the model, reads held-out text and keeps what it
finds; `contrasts` and `mantel` ask whether it is more than chance; `results` holds the answers and
`findings` says them in words.
"""
