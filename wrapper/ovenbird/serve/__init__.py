"""Serve a function over HTTP.

Three verbs say how a call ends, wherever they are used below:

- refuse: the call never reaches the handler. It was not let in, or it has waited for too long. The client gets a
  problem document, and may call again.
- cancel: a call that waits or runs is asked to end early, for a `StopReason`: its time is up, its client has gone, the
  service ends. A call that waits ends at once. For one that runs, its task is cancelled or `CallCancelled` is raised in
  its thread; it is asked again while its handler goes on.
- finish: the handler has ended, in whatever way. This happens once for each call: its outcome goes to whoever waits for
  it, and the limiter forgets the call.

To release is said of what a call holds, its slot and the memory of its body, and not of the call.
"""
