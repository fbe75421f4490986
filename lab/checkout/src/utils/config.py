# {{ stays }}
