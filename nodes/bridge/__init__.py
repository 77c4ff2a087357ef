"""Everything between ComfyUI and the library: conversion, checkpoints, devices, progress, results."""
