"""The user's code: find it, load it, bind its arguments. Knows no HTTP and no platform."""
