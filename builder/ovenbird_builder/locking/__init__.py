"""What a function needs: collected, pinned with hashes for one target, and a wheel for each pin."""
