/** Pages neither train by recipes nor measure: that needs data sets on disk. */
export {};
