#!/bin/sh
# a job's container would be prepared here
