"""Instance masks: conversion to labels, resizing to the image, conversion of soft masks."""
