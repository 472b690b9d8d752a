"""Call a service of Ovenbird's: `ovenbird.Client(url)` and `ovenbird.AsyncClient(url)`.

What is shared by both decides and encodes, and does no input or output of its own: which request a call becomes, what
an answer means, whether to try again. The two clients send, wait and read.
"""
