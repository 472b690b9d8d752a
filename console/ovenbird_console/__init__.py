"""The page of Ovenbird: functions, runs and what they made, in a browser (`ovenbird ui`)."""
