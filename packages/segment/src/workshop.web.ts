/** Pages do not compare with reference implementations: that needs files on disk. */
export {};
