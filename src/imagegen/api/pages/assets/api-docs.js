/** Starts Swagger UI, and opens the operation that generates images. */
import { imagegenPlugin, prepareRequest } from "./plugin.js";

const FIRST = ["operations", "images", "generateImage"];

const ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  persistAuthorization: false, // a key in the browser's storage would outlive the visit
  defaultModelsExpandDepth: 0,
  showCommonExtensions: true,
  plugins: [imagegenPlugin],
  requestInterceptor: prepareRequest,
  onComplete: () => {
    if (!location.hash) ui.layoutActions.show(FIRST, true);
  },
});
