/** Browsers have neither recipes nor evaluation: both need data sets on disk. */
export {};
