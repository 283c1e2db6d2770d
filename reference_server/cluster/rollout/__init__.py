"""Blue-green cutovers and rolling updates."""
