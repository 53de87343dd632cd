"""The only room with torch: trains one run and writes its folder. Started by name, imported by nobody."""
