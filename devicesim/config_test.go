package devicesim

import (
	"strings"
	"testing"
	"time"
)

func TestConfigNamesWhatIsWrong(t *testing.T) {
	ok := Config{STOMP: "127.0.0.1:61613", MQTT: "127.0.0.1:1883", Trucks: 1, Phones: 1}
	tests := map[string]struct {
		change func(*Config)
		names  string
	}{
		"rate":           {func(c *Config) { c.Rate = time.Millisecond }, "rate"},
		"speed":          {func(c *Config) { c.Speed = -1 }, "speed"},
		"per connection": {func(c *Config) { c.PerConnection = -1 }, "per-connection"},
		"negative":       {func(c *Config) { c.Trucks = -1 }, "negative"},
		"too many":       {func(c *Config) { c.Phones = MaxDevices }, "at most"},
		"stomp missing":  {func(c *Config) { c.STOMP = "" }, "stomp"},
		"mqtt missing":   {func(c *Config) { c.MQTT = "" }, "mqtt"},
		"no port":        {func(c *Config) { c.STOMP = "localhost" }, "host:port"},
		"prefix":         {func(c *Config) { c.Prefix = "a/b" }, "prefix"},
	}
	if _, err := New(ok); err != nil {
		t.Fatal(err)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := ok
			tt.change(&cfg)
			if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), tt.names) {
				t.Errorf("error %v does not name %q", err, tt.names)
			}
		})
	}
}

func TestTooManyConnectionsFailAtOnce(t *testing.T) {
	cfg := Config{STOMP: "127.0.0.1:61613", Trucks: MaxDevices}
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "--per-connection") {
		t.Fatalf("%d connections: %v", MaxDevices, err)
	}
}
