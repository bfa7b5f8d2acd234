export const PORTS = { http: 8080, http2: 8081, grpc: 8082, webSocket: 8083, https: 8084, http2Tls: 8085, flask: 5000, hooks: 9000 } as const;
