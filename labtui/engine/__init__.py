"""The only package that imports torch: trains one run and writes its folder. Started by name, imported by no other."""
