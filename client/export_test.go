package client

// Holds reports whether a near cache has an item.
func (c *Cache) Holds(key string) bool {
	c.near.mu.Lock()
	defer c.near.mu.Unlock()
	return c.near.m[key] != nil
}

// Held returns what a near cache has.
func (c *Cache) Held() (items, bytes int) {
	c.near.mu.Lock()
	defer c.near.mu.Unlock()
	return len(c.near.m), c.near.held
}
